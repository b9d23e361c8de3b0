import type { Database } from 'better-sqlite3';
import { type Migration, migrations } from '#store/migrations';

/** The data was written by a program that is newer than this one. */
export class NewerSchemaError extends Error {
  readonly code = 'newer-schema';
  constructor(found: number, known: number) {
    super(
      `the database has schema version ${found}, this holdfast-collector knows up to ${known}: run the newer one, or restore a backup that this one wrote`,
    );
    this.name = 'NewerSchemaError';
  }
}

/** Brings the schema up to date, all of it or nothing. Throws {@link NewerSchemaError}. */
export function migrate(db: Database, steps: readonly Migration[] = migrations): void {
  const upgrade = db.transaction(() => {
    const version = schemaVersion(db);
    if (version > steps.length) throw new NewerSchemaError(version, steps.length);
    for (const step of steps.slice(version)) {
      if (typeof step === 'string') db.exec(step);
      else step(db);
    }
    if (version < steps.length) db.pragma(`user_version = ${steps.length}`);
  });
  if (schemaVersion(db) !== steps.length) upgrade.immediate();
}

/** 0: an empty file. */
export function schemaVersion(db: Database): number {
  return db.pragma('user_version', { simple: true }) as number;
}
