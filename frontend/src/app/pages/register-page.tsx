import { useSearchParams } from 'react-router';

import { useRegister } from '@/features/account/api/register';
import { AuthLayout } from '@/features/account/components/auth-layout';
import { CheckEmail } from '@/features/account/components/check-email';
import { RegisterForm } from '@/features/account/components/register-form';
import { ButtonLink } from '@/shared/components/button';
import { paths, safeReturn } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function RegisterPage() {
  const registering = useRegister();
  const [search] = useSearchParams();
  const returnTo = safeReturn(search.get('return'));
  const words = text.account.register;
  return (
    <AuthLayout words={words} other={paths.signIn} stay={registering.isPending || registering.isSuccess}>
      {registering.isSuccess ? (
        <CheckEmail
          email={registering.variables.email}
          returnTo={returnTo}
          action={<ButtonLink to={returnTo}>{words.goOn}</ButtonLink>}
        />
      ) : (
        <RegisterForm registering={registering} />
      )}
    </AuthLayout>
  );
}
