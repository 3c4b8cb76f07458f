import { Link } from 'react-router';

import { Entrance } from '@/features/account/components/entrance';
import { RegisterForm } from '@/features/account/components/register-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function RegisterPage() {
  const words = text.account.register;
  return (
    <Entrance
      title={words.title}
      lead={words.lead}
      other={(returnTo) => (
        <>
          {words.other}{' '}
          <Link
            to={paths.signIn(returnTo)}
            className="font-semibold text-accent underline underline-offset-4"
          >
            {words.toSignIn}
          </Link>
        </>
      )}
    >
      <RegisterForm />
    </Entrance>
  );
}
