import { Entrance } from '@/features/account/components/entrance';
import { RegisterForm } from '@/features/account/components/register-form';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function RegisterPage() {
  return (
    <Entrance words={text.account.register} other={paths.signIn}>
      <RegisterForm />
    </Entrance>
  );
}
