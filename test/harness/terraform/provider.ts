/**
 * A Terraform provider that real Terraform talks to over `TF_REATTACH_PROVIDERS`: no download, no TLS, no init. Its one
 * resource, `fake_file`, is a file on disk, so that drift is made by writing the file.
 *
 * The content of the file steers it: `ERROR` makes reading fail with a message that holds the token, `SLOW` makes it
 * take {@link slowMs}.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { decode, encode, ExtensionCodec } from '@msgpack/msgpack';

export const slowMs = 60_000;
export const providerSource = 'example.test/acme/fake';

interface DynamicValue {
  readonly msgpack?: Buffer;
  readonly json?: Buffer;
}
/** `id` and `checksum` are computed. */
interface FakeFile {
  path: string;
  content: string;
  token: string | null;
  checksum: unknown;
  id: unknown;
}
type Answer = (error: null, response: object) => void;
interface Call {
  readonly request: Readonly<Record<string, DynamicValue>> & {
    readonly raw_state?: { readonly json: Buffer };
    readonly id?: string;
    readonly type_name?: string;
  };
}

export interface FakeProvider extends AsyncDisposable {
  /** What terraform needs to find it. */
  readonly environment: { readonly TF_REATTACH_PROVIDERS: string };
}

export async function startFakeProvider(): Promise<FakeProvider> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-provider-'));
  const socket = join(directory, 'provider.sock');
  const definition = loadSync(join(import.meta.dirname, 'tfplugin6.proto'), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    tfplugin6: { Provider: { service: Parameters<Server['addService']>[0] } };
  };
  const server = new Server();
  const timers = new Set<NodeJS.Timeout>();
  server.addService(loaded.tfplugin6.Provider.service, methods(timers));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const reattach = {
    [providerSource]: {
      Protocol: 'grpc',
      ProtocolVersion: 6,
      Pid: process.pid,
      Test: true, // terraform leaves it running
      Addr: { Network: 'unix', String: socket },
    },
  };
  return {
    environment: { TF_REATTACH_PROVIDERS: JSON.stringify(reattach) },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      server.forceShutdown();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const unknown = Symbol('unknown');
const codec = new ExtensionCodec();
codec.register({
  type: 0,
  decode: () => unknown,
  encode: (value) => (value === unknown ? new Uint8Array([0]) : null),
});

function decoded(value: DynamicValue | undefined): FakeFile | null {
  if (value?.msgpack?.length) return decode(value.msgpack, { extensionCodec: codec }) as FakeFile | null;
  return value?.json?.length ? (JSON.parse(value.json.toString()) as FakeFile) : null;
}

function encoded(value: unknown): DynamicValue {
  return { msgpack: Buffer.from(encode(value, { extensionCodec: codec })) };
}

const text = Buffer.from('"string"');
const fileSchema = {
  version: 0,
  block: {
    version: 0,
    attributes: [
      { name: 'path', type: text, required: true },
      { name: 'content', type: text, required: true },
      { name: 'token', type: text, optional: true, sensitive: true },
      { name: 'checksum', type: text, computed: true },
      { name: 'id', type: text, computed: true },
    ],
  },
};

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 12);
}

function methods(timers: Set<NodeJS.Timeout>): UntypedServiceImplementation {
  const nothing = (_: Call, answer: Answer) => answer(null, {});
  return {
    GetProviderSchema: (_: Call, answer: Answer) =>
      answer(null, {
        provider: { version: 0, block: {} },
        resource_schemas: { fake_file: fileSchema },
        server_capabilities: {},
      }),
    ValidateProviderConfig: nothing,
    ValidateResourceConfig: nothing,
    ConfigureProvider: nothing,
    StopProvider: nothing,
    UpgradeResourceState: ({ request }: Call, answer: Answer) =>
      answer(null, { upgraded_state: encoded(JSON.parse(request.raw_state!.json.toString())) }),
    ReadResource: ({ request }: Call, answer: Answer) => {
      const state = decoded(request['current_state']);
      const response = read(state, request['current_state'] ?? {});
      if (response.delayMs === 0) return answer(null, response.body);
      const timer = setTimeout(() => {
        timers.delete(timer);
        answer(null, response.body);
      }, response.delayMs);
      timers.add(timer);
    },
    PlanResourceChange: ({ request }: Call, answer: Answer) =>
      answer(null, plan(decoded(request['proposed_new_state']), decoded(request['prior_state']))),
    ApplyResourceChange: ({ request }: Call, answer: Answer) =>
      answer(null, apply(decoded(request['planned_state']), decoded(request['prior_state']))),
    ImportResourceState: ({ request }: Call, answer: Answer) => {
      const path = request.id!;
      const state = { path, content: '', token: null, checksum: null, id: path };
      answer(null, { imported_resources: [{ type_name: request.type_name, state: encoded(state) }] });
    },
  };
}

function read(state: FakeFile | null, current: DynamicValue): { body: object; delayMs: number } {
  if (state === null || !existsSync(state.path)) return { body: { new_state: encoded(null) }, delayMs: 0 };
  const content = readFileSync(state.path, 'utf8');
  if (content === 'ERROR') {
    const detail = `GET https://api.example.test/?key=${state.token} answered 500 internal error`;
    const diagnostics = [{ severity: 'ERROR', summary: 'the file could not be read', detail }];
    return { body: { new_state: current, diagnostics }, delayMs: 0 };
  }
  const found = { ...state, content, checksum: checksum(content) };
  return { body: { new_state: encoded(found) }, delayMs: content === 'SLOW' ? slowMs : 0 };
}

function plan(proposed: FakeFile | null, prior: FakeFile | null): object {
  if (proposed === null) return { planned_state: encoded(null) };
  const planned = { ...proposed };
  if (prior === null || prior.content !== planned.content) planned.checksum = unknown;
  const isReplaced = prior !== null && prior.path !== planned.path;
  if (prior === null || isReplaced) planned.id = unknown;
  return {
    planned_state: encoded(planned),
    requires_replace: isReplaced ? [{ steps: [{ attribute_name: 'path' }] }] : [],
  };
}

function apply(planned: FakeFile | null, prior: FakeFile | null): object {
  if (planned === null) {
    rmSync(prior!.path, { force: true });
    return { new_state: encoded(null) };
  }
  writeFileSync(planned.path, planned.content);
  const id = planned.id === unknown ? planned.path : planned.id;
  return { new_state: encoded({ ...planned, checksum: checksum(planned.content), id }) };
}
