import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { messageOf } from '~/api/problem';
import { keys } from '~/api/queries';
import { signIn } from '~/api/session';
import { Button } from '~/ui/button';
import { Notice } from '~/ui/notice';
import { TextField } from '~/ui/text-field';
import styles from './auth-layout.module.css';

export function SignInForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const attempt = useMutation({
    mutationFn: () => signIn(name, password),
    onSuccess: (session) => {
      client.setQueryData(keys.session, session);
      onDone();
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    attempt.mutate();
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      {attempt.isError && <Notice tone="bad" alert title={messageOf(attempt.error)} />}
      <TextField
        label="Name"
        name="name"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button type="submit" variant="primary" busy={attempt.isPending}>
        Sign in
      </Button>
    </form>
  );
}
