import { AuthLayout } from '@/features/account/components/auth-layout';
import { SignInForm } from '@/features/account/components/sign-in-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function SignInPage() {
  return (
    <AuthLayout words={text.account.signIn} other={paths.register}>
      <SignInForm />
    </AuthLayout>
  );
}
