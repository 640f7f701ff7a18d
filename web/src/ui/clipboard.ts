import { showToast } from './toast';

/** Copies text and says so; plain-HTTP pages on other hosts have no clipboard, then it is shown. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showToast({ message: `${what} copied` });
  } catch {
    showToast({ message: `${what} could not be copied; here it is:`, detail: text, tone: 'bad' });
  }
}
