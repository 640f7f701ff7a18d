import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiError, messageOf } from '~/api/problem';
import { keys } from '~/api/queries';
import { createAdministrator } from '~/api/session';
import { Button } from '~/ui/button';
import { Notice } from '~/ui/notice';
import { TextField } from '~/ui/text-field';
import styles from './auth-layout.module.css';

/** What the server asks for. */
const passwordCharsMin = 8;

export function SetupForm({ token, onDone }: { token: string; onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState('admin');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [checked, setChecked] = useState(false);
  const tooShort = password.length < passwordCharsMin;
  const differs = again !== password;

  const attempt = useMutation({
    mutationFn: () => createAdministrator(token, name, password),
    onSuccess: async () => {
      await client.refetchQueries({ queryKey: keys.session });
      onDone();
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (!tooShort && !differs) attempt.mutate();
  }

  const error = attempt.error;
  return (
    <form className={styles.form} onSubmit={submit}>
      {error && (
        <Notice tone="bad" alert title={messageOf(error)}>
          {error instanceof ApiError && error.hint}
        </Notice>
      )}
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
        autoComplete="new-password"
        required
        hint={`At least ${passwordCharsMin} characters. A few words make a good one.`}
        error={checked && tooShort ? `At least ${passwordCharsMin} characters, please.` : undefined}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <TextField
        label="Password again"
        name="password-again"
        type="password"
        autoComplete="new-password"
        required
        error={checked && differs ? 'The two passwords are not the same.' : undefined}
        value={again}
        onChange={(event) => setAgain(event.target.value)}
      />
      <Button type="submit" variant="primary" busy={attempt.isPending}>
        Create the administrator
      </Button>
    </form>
  );
}
