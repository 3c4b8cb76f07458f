import { Entrance } from '@/features/account/components/entrance';
import { SignInForm } from '@/features/account/components/sign-in-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function SignInPage() {
  return (
    <Entrance words={text.account.signIn} other={paths.register}>
      <SignInForm />
    </Entrance>
  );
}
