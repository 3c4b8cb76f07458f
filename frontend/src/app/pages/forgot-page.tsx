import { Link, useSearchParams } from 'react-router';

import { ForgotForm } from '@/features/account/components/forgot-form';
import { FormPage } from '@/features/account/components/form-page';
import { paths, safeReturn } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function ForgotPage() {
  const [search] = useSearchParams();
  const { forgot } = text.account;
  return (
    <FormPage
      title={forgot.title}
      lead={forgot.lead}
      after={
        <p className="mt-6">
          <Link
            to={paths.signIn(safeReturn(search.get('return')))}
            className="font-semibold text-accent underline underline-offset-4"
          >
            {forgot.toSignIn}
          </Link>
        </p>
      }
    >
      <ForgotForm />
    </FormPage>
  );
}
