import { AuthLayout } from '@/features/account/components/auth-layout';
import { RegisterForm } from '@/features/account/components/register-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function RegisterPage() {
  return (
    <AuthLayout words={text.account.register} other={paths.signIn}>
      <RegisterForm />
    </AuthLayout>
  );
}
