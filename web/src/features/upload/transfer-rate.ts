type Sample = { atMs: number; bytes: number };

/** Long enough to be steady, short enough to notice a changed network. */
const windowMs = 8_000;
/** Below this a speed is a guess, and a guess is not shown. */
const settleMs = 800;

/** The speed of one transfer over the last seconds; forgets everything when it pauses. */
export class TransferRate {
  private samples: Sample[] = [];

  reset(): void {
    this.samples = [];
  }

  add(atMs: number, bytes: number): void {
    this.samples.push({ atMs, bytes });
    while (this.samples.length > 2 && (this.samples[0]?.atMs ?? 0) < atMs - windowMs) {
      this.samples.shift();
    }
  }

  bytesPerSecond(): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < settleMs) return null;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs));
  }
}
