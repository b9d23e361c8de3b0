/** Tokens, created and revoked beside a collector that runs: it looks each one up in the store, so it knows at once. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { nodeNamePattern } from '@holdfast/shared/wire';
import { Command, InvalidArgumentError, Option } from 'commander';
import { commandLine, formatToken, isInForce, reservedNames, tokenHash, tokenRandomBytes } from '#core/auth';
import type { AuditAction, AuditRecord } from '#core/node-state';
import { databaseName, openSqliteStore } from '#store/sqlite-store';
import type { Store, TokenRecord, TokenRole } from '#store/store';
import { collectorOptions } from '../config.ts';
import { configFor } from './data-directory.ts';
import { addOptionFlags } from './option-flags.ts';
import { parseExpiry } from './parse-expiry.ts';
import type { CommandContext } from './program.ts';
import { tokenTable } from './token-table.ts';

const roles: readonly TokenRole[] = ['agent', 'sweeper', 'viewer', 'operator'];
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/;

interface CreateFlags {
  readonly role: TokenRole;
  readonly name: string;
  readonly node?: string;
  readonly expires?: string;
}

export function tokenCommand(context: CommandContext, parent: Command): Command {
  const token = new Command('token')
    .description('Create, list and revoke tokens.')
    .copyInheritedSettings(parent);
  const withStore = (command: Command) =>
    addOptionFlags(command.copyInheritedSettings(parent), { dataDir: collectorOptions.dataDir });
  const create = new Command('create')
    .description('Create a token and print it. It is shown this once; the collector keeps a hash.')
    .addOption(new Option('--role <ROLE>', 'what it may do').choices(roles).makeOptionMandatory())
    .requiredOption('--name <NAME>', 'who it is for, as the audit will name them', parseName)
    .option('--node <NODE>', 'for role agent: the only node it may report for', parseNode)
    .option('--expires <WHEN>', 'after how long, or when, it is refused: 12h, 90d, 2027-01-31T00:00:00Z')
    .action((flags: CreateFlags) => inStore(context, flags, (store) => createToken(context, store, flags)));
  const list = new Command('list')
    .description('List all tokens, revoked ones too. The tokens themselves are not kept.')
    .action((flags: object) =>
      inStore(context, flags, async (store) => {
        context.stdout.write(tokenTable(await store.tokens()));
      }),
    );
  const revoke = new Command('revoke')
    .description('Revoke a token. It is refused from then on.')
    .argument('<ID>', 'as token list shows it', parseId)
    .action((id: number, flags: object) =>
      inStore(context, flags, (store) => revokeToken(context, store, id)),
    );
  for (const command of [create, list, revoke]) token.addCommand(withStore(command));
  return token;
}

async function createToken(context: CommandContext, store: Store, flags: CreateFlags): Promise<void> {
  const { role, name, node = null } = flags;
  if (node !== null && role !== 'agent') throw new Error('--node goes with --role agent only');
  const createdAt = Date.now();
  const expiresAt = flags.expires === undefined ? null : parseExpiry(flags.expires, createdAt);
  const same = (await store.tokens()).find((token) => token.name === name && isInForce(token, createdAt));
  if (same)
    throw new Error(`a token called ${name} exists (id ${same.id}); revoke it first, or choose another name`);
  const token = formatToken(role, randomBytes(tokenRandomBytes));
  const expires = expiresAt === null ? null : new Date(expiresAt).toISOString();
  const audit = auditOf('token-create', createdAt, { name, role, node, expires });
  const created = { name, role, node, createdAt, expiresAt };
  const { id } = await store.createToken(created, tokenHash(token), audit);
  const bound = node === null ? '' : `, node ${node}`;
  const limited = expires === null ? '' : `, until ${expires}`;
  context.stderr.write(`token ${id} for ${name}, role ${role}${bound}${limited}:\n`);
  context.stdout.write(`${token}\n`);
}

async function revokeToken(context: CommandContext, store: Store, id: number): Promise<void> {
  const token: TokenRecord | undefined = (await store.tokens()).find((each) => each.id === id);
  if (!token) throw new Error(`there is no token with id ${id}`);
  const at = Date.now();
  const audit = auditOf('token-revoke', at, { name: token.name, role: token.role, node: token.node });
  const revoked = await store.revokeToken(id, at, audit);
  context.stderr.write(`token ${id} of ${token.name} ${revoked ? 'is revoked' : 'was revoked before'}\n`);
}

function auditOf(action: AuditAction, at: number, details: AuditRecord['details']): AuditRecord {
  const user = userInfo().username;
  return { at, who: commandLine, action, node: null, reason: null, details: { ...details, user } };
}

async function inStore(
  context: CommandContext,
  flags: object,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const { dataDir } = await configFor(context, { ...flags }, ['dataDir']);
  const file = join(dataDir, databaseName);
  if (!existsSync(file))
    context.stderr.write(`${file} is not there yet and is made now: a collector has to use this directory\n`);
  await using store = await openSqliteStore({ dataDir, exclusive: false });
  await work(store);
}

function parseName(name: string): string {
  if (reservedNames.includes(name))
    throw new InvalidArgumentError('This name is taken by the collector itself.');
  if (namePattern.test(name)) return name;
  throw new InvalidArgumentError('Letters, digits and ._@- only, at most 100, the first a letter or digit.');
}

function parseNode(node: string): string {
  if (new RegExp(nodeNamePattern).test(node)) return node;
  throw new InvalidArgumentError('Must be a node name: lower-case letters, digits, "-" and ".".');
}

function parseId(id: string): number {
  if (/^[1-9]\d{0,14}$/.test(id)) return Number(id);
  throw new InvalidArgumentError('Must be a number from token list.');
}
