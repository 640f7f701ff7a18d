/** One server-sent event, as the WHATWG stream format defines it. */
export type ServerEvent = { name: string; data: string; id: string | null };

/** No event of ours comes near this; a stream that does is broken and its line is dropped. */
const lineCharsMax = 1 << 20;

/** Turns the text of an event stream into events. Pure: text in, events out, no clock and no I/O. */
export class EventParser {
  private rest = '';
  private name = '';
  private data: string[] = [];
  private id: string | null = null;

  /** Feeds the next piece of text and returns the events it completed. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    if (this.rest.length > lineCharsMax) this.rest = '';
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === '') return this.flush();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id') this.id = value;
    return null;
  }

  private flush(): ServerEvent | null {
    const event =
      this.data.length > 0
        ? { name: this.name || 'message', data: this.data.join('\n'), id: this.id }
        : null;
    this.name = '';
    this.data = [];
    return event;
  }
}
