import { Link } from 'react-router';

import { Entrance } from '@/features/account/components/entrance';
import { SignInForm } from '@/features/account/components/sign-in-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function SignInPage() {
  const words = text.account.signIn;
  return (
    <Entrance
      title={words.title}
      lead={words.lead}
      other={(returnTo) => (
        <>
          {words.other}{' '}
          <Link
            to={paths.register(returnTo)}
            className="font-semibold text-accent underline underline-offset-4"
          >
            {words.toRegister}
          </Link>
        </>
      )}
    >
      <SignInForm />
    </Entrance>
  );
}
