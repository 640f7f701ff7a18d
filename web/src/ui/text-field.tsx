import { type ComponentProps, useId } from 'react';
import styles from './text-field.module.css';

type Shared = { label: string; hint?: string | undefined; error?: string | undefined };
type TextFieldProps = Shared & ComponentProps<'input'>;
type TextAreaProps = Shared & ComponentProps<'textarea'>;

function useDescription(hint: string | undefined, error: string | undefined) {
  const id = useId();
  const noteId = hint || error ? `${id}-note` : undefined;
  const note = noteId && (
    <span id={noteId} className={error ? styles.error : styles.hint}>
      {error ?? hint}
    </span>
  );
  return { id, noteId, note };
}

export function TextField({ label, hint, error, ...rest }: TextFieldProps) {
  const { id, noteId, note } = useDescription(hint, error);
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <input
        {...rest}
        id={id}
        className={styles.input}
        aria-invalid={error ? true : undefined}
        aria-describedby={noteId}
      />
      {note}
    </div>
  );
}

export function TextArea({ label, hint, error, ...rest }: TextAreaProps) {
  const { id, noteId, note } = useDescription(hint, error);
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <textarea
        {...rest}
        id={id}
        className={styles.input}
        aria-invalid={error ? true : undefined}
        aria-describedby={noteId}
      />
      {note}
    </div>
  );
}
