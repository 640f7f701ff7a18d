import { useMutation, useQueryClient } from '@tanstack/react-query';
import { messageOf } from '~/api/problem';
import { keys } from '~/api/queries';
import { signOut } from '~/api/session';
import type { Session } from '~/api/wire';
import { IconButton } from '~/ui/button';
import { Menu, MenuItem } from '~/ui/menu';
import { showToast } from '~/ui/toast';
import styles from './account-menu.module.css';

type AccountMenuProps = { user: NonNullable<Session['user']>; onSignedOut: () => void };

export function AccountMenu({ user, onSignedOut }: AccountMenuProps) {
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.session[0] });
      await client.refetchQueries({ queryKey: keys.session });
      onSignedOut();
    },
    onError: (error) => showToast({ message: messageOf(error), tone: 'bad' }),
  });

  return (
    <Menu trigger={<IconButton icon="user" label={`Account: ${user.name}`} />}>
      <div className={styles.who}>
        <b>{user.name}</b>
        <span>{user.role}</span>
      </div>
      <MenuItem icon="signOut" onSelect={() => leave.mutate()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
