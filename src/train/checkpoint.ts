import { existsSync } from 'node:fs'
import { type ArtefactContent, writeArtefact } from '../artefact/artefact.ts'
import { loadArtefact, saveArtefact } from '../artefact/file.ts'
import type { Interactions } from '../data/interactions.ts'
import { FociError } from '../errors.ts'
import type { Values } from '../tensor/variables.ts'
import type { Loop, Progress } from './loop.ts'
import type { TrainSettings } from './options.ts'

/** The file that holds a run's state between two steps: an artefact with the optimiser's moments and the best weights. */
export class Checkpoint {
  private readonly path: string
  private readonly run: string

  /** How long a run may go on is not part of what it is: it can be resumed with more epochs or patience. */
  constructor(path: string, log: Interactions, { model, epochs: _, patience: __, ...settings }: TrainSettings) {
    this.path = path
    const ordered = Object.entries({ ...settings, model: model.definition.name, log: log.hash, roles: log.roles }).sort(([a], [b]) =>
      a < b ? -1 : 1,
    )
    this.run = JSON.stringify([ordered, model.options])
  }

  /** @throws FociError RESUME where the file holds a run that nobody asks to go on with: its state would be lost */
  refuseToReplace(): void {
    if (!existsSync(this.path)) return
    throw new FociError('RESUME', `${this.path} holds an unfinished run.`, 'Go on from it with resume, or remove it to start anew.')
  }

  /** Puts the loop where the file says; nothing happens where there is no file. @throws FociError RESUME, ARTEFACT */
  async resume(loop: Loop): Promise<void> {
    if (!existsSync(this.path)) return
    const { checkpoint, tensors } = await loadArtefact(this.path)
    if (checkpoint?.run !== this.run) {
      const message = `${this.path} belongs to a run on another log, or with other settings.`
      throw new FociError(
        'RESUME',
        message,
        'Resume with the settings and event roles it was started with, or remove the file to start anew.',
      )
    }
    loop.restore(checkpoint.progress as unknown as Progress, tensors)
  }

  async save(content: Omit<ArtefactContent, 'tensors'>, progress: Progress, tensors: Record<string, Values>): Promise<void> {
    const state = JSON.parse(JSON.stringify(progress))
    await saveArtefact(this.path, await writeArtefact({ ...content, tensors, checkpoint: { run: this.run, progress: state } }))
  }
}
