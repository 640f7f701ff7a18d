/** The part of the mock server that the browser stories use. */
export class MockServer {
  constructor(options: {
    dist?: string | null;
    seed?: boolean;
    open?: boolean;
    users?: { name: string; password: string }[];
  });
  readonly setupToken: string;
  uploadRate: number;
  library: { speed: number };
  listen(port: number): Promise<string>;
  close(): void;
}
