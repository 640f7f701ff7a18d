import { Toast } from '@base-ui/react/toast';
import { IconButton } from './button';
import styles from './toast.module.css';

/** One place that speaks to the person from anywhere, React or not. */
const manager = Toast.createToastManager();

type ToastInit = {
  message: string;
  detail?: string | undefined;
  tone?: 'plain' | 'bad';
  action?: { label: string; run: () => void };
};

/** An undo must stay long enough to be reached by keyboard; plain news need not. */
const actionMs = 12_000;
const plainMs = 5_000;

export function showToast({ message, detail, tone = 'plain', action }: ToastInit): void {
  const id = manager.add({
    title: message,
    description: detail,
    type: tone,
    priority: tone === 'bad' ? 'high' : 'low',
    timeout: action ? actionMs : plainMs,
    ...(action && {
      actionProps: {
        children: action.label,
        onClick: () => {
          manager.close(id);
          action.run();
        },
      },
    }),
  });
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast} data-tone={toast.type}>
      <Toast.Content className={styles.content}>
        <div className={styles.text}>
          <Toast.Title className={styles.title} />
          <Toast.Description className={styles.detail} />
        </div>
        <Toast.Action className={styles.action} />
        <Toast.Close render={<IconButton icon="close" label="Dismiss" size={16} />} />
      </Toast.Content>
    </Toast.Root>
  ));
}

export function ToastHost() {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
