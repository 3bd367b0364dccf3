import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../core/errors.js';
import type { AdjointError } from '../core/errors.js';
import { codeOf } from './write-file.js';
import { checkFolder } from './read-folder.js';
import type { Folder, FolderCheck } from './read-folder.js';
import { removeFolder, removePartials, writeFolder } from './write-folder.js';
import type { FolderContent } from './write-folder.js';

/** One checkpoint of a store, complete or not. */
export interface StoredCheckpoint extends FolderCheck {
  /** Its folder's name: `step-000001200`. */
  readonly name: string;
  readonly step: number;
}

export interface NewestCheckpoint {
  /** Undefined where no complete one is there. */
  readonly checkpoint?: Folder & { readonly name: string; readonly step: number };
  /** Newer ones that are not complete, with what is wrong with them: say so to the user. */
  readonly skipped: readonly { readonly name: string; readonly problems: readonly AdjointError[] }[];
}

export interface KeptCheckpoints {
  /** How many of the newest complete ones stay. */
  readonly keep: number;
  /** Names that stay however old they are. */
  readonly protectedNames?: readonly string[];
}

/** Zeros so that names sort as steps do, up to a milliard of them; later steps have longer names. */
const DIGITS = 9;
const NAME = /^(?:\.(?=.*\.previous$))?(step-(\d{9,15}))(?:\.previous)?$/;

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(DIGITS, '0')}`;
}

/** A folder of checkpoints, one folder for each step. Other files in it are left alone. */
export class CheckpointStore {
  constructor(readonly path: string) {}

  /** Writes a checkpoint, and only then removes old ones. */
  async write(step: number, content: Omit<FolderContent, 'format'>, kept: KeptCheckpoints): Promise<string> {
    const name = checkpointName(step);
    await removePartials(this.path);
    await writeFolder(join(this.path, name), { ...content, format: 'adjoint-checkpoint' });
    await this.prune({ ...kept, protectedNames: [...(kept.protectedNames ?? []), name] });
    return name;
  }

  /** All of them, the newest first. */
  async list({ hash = false } = {}): Promise<StoredCheckpoint[]> {
    const checkpoints: StoredCheckpoint[] = [];
    for (const { name, step } of await this.names())
      checkpoints.push({ name, step, ...(await this.check(name, hash)) });
    return checkpoints;
  }

  /**
   * The newest one of which every byte is right.
   *
   * @throws DataError [no-such-folder] the store is not there
   * @throws DataError [newer-version] a later release of Adjoint wrote a newer one
   */
  async newestComplete(): Promise<NewestCheckpoint> {
    const skipped: { name: string; problems: readonly AdjointError[] }[] = [];
    for (const { name, step } of await this.names()) {
      const { complete, manifest, path, problems } = await this.check(name, true);
      if (complete && manifest !== undefined) return { checkpoint: { name, step, path, manifest }, skipped };
      // Nothing is wrong with it, and going on from an older one would lose what it holds.
      const newer = problems.find(({ kind }) => kind === 'newer-version');
      if (newer !== undefined) throw newer;
      skipped.push({ name, problems });
    }
    return { skipped };
  }

  /**
   * Removes complete checkpoints that are older than the newest `keep` of them, and damaged ones that are older than the
   * newest complete one, where their manifest still says which files are theirs.
   */
  async prune({ keep, protectedNames = [] }: KeptCheckpoints): Promise<void> {
    let complete = 0;
    for (const checkpoint of await this.list()) {
      if (checkpoint.complete) complete++;
      const isOld = checkpoint.complete ? complete > keep : complete > 0;
      if (isOld && checkpoint.manifest !== undefined && !protectedNames.includes(checkpoint.name)) {
        await removeFolder(join(this.path, checkpoint.name));
      }
    }
  }

  private check(name: string, hash: boolean): Promise<FolderCheck> {
    return checkFolder(join(this.path, name), { format: 'adjoint-checkpoint', hash });
  }

  /** Newest first; one that a process which died has set aside counts under its own name. */
  private async names(): Promise<{ name: string; step: number }[]> {
    let entries: string[];
    try {
      entries = await readdir(this.path);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      throw new DataError('no-such-folder', {
        where: `folder ${JSON.stringify(this.path)}`,
        expected: 'a folder of checkpoints',
        received: (error as Error).message,
      });
    }
    const steps = new Map<string, number>();
    for (const entry of entries) {
      const [, name, digits] = NAME.exec(entry) ?? [];
      if (name !== undefined) steps.set(name, Number(digits));
    }
    return [...steps].map(([name, step]) => ({ name, step })).sort((a, b) => b.step - a.step);
  }
}
