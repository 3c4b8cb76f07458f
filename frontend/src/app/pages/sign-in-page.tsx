import { useState } from 'react';

import { AuthLayout } from '@/features/account/components/auth-layout';
import { SignIn } from '@/features/account/components/sign-in';
import { paths } from '@/shared/lib/paths';
import { text } from '@/shared/text';

export default function SignInPage() {
  const [done, setDone] = useState(false);
  return (
    <AuthLayout words={text.account.signIn} other={paths.register} done={done}>
      <SignIn onSignedIn={() => setDone(true)} />
    </AuthLayout>
  );
}
