import type { JoinEvents, Transport, TransportEvents, TransportSource } from './transport';

type FakeAttempt = { source: TransportSource; events: TransportEvents; aborted: boolean };
type FakeJoin = { urls: readonly string[]; events: JoinEvents; aborted: boolean };

/** For tests: a transport whose every move the test makes by hand. */
export class FakeTransport implements Transport {
  readonly attempts: FakeAttempt[] = [];
  readonly joins: FakeJoin[] = [];
  readonly terminated: string[] = [];

  prepare() {}

  begin(source: TransportSource, events: TransportEvents) {
    return this.keep(this.attempts, { source, events, aborted: false });
  }

  join(urls: readonly string[], events: JoinEvents) {
    return this.keep(this.joins, { urls, events, aborted: false });
  }

  async terminate(url: string) {
    this.terminated.push(url);
  }

  at(index: number): FakeAttempt {
    const attempt = this.attempts.at(index);
    if (!attempt) throw new Error(`no attempt ${index}`);
    return attempt;
  }

  last(): FakeAttempt {
    return this.at(-1);
  }

  lastJoin(): FakeJoin {
    const join = this.joins.at(-1);
    if (!join) throw new Error('nothing was joined');
    return join;
  }

  private keep<Kind extends { aborted: boolean }>(list: Kind[], attempt: Kind) {
    list.push(attempt);
    return {
      abort: () => {
        attempt.aborted = true;
      },
    };
  }
}
