/** What a program runs on: a model server and an empty folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { onTestFinished } from 'vitest'
import { type Outcome, Program, type ProgramOptions } from './program.ts'
import { type Question, questionOf, scriptedModel } from './scripted-model.ts'

/** Starts a model server for the length of the test. */
export async function serverOf(model: (question: Question) => ModelAnswer | string = scriptedModel): Promise<ModelServer> {
  const server = await startModelServer({ answers: (request) => model(questionOf(request)) })
  onTestFinished(() => server.stop())
  return server
}

/** Makes an empty folder for the length of the test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'beamclaw-compare-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Runs a program to its end. */
export async function run(options: ProgramOptions): Promise<Outcome> {
  await using program = new Program(options)
  // Without the `await` it would be killed first.
  return await program.outcome()
}

/** The outcome of a program that prints these lines and nothing else. */
export function prints(...lines: string[]): Outcome {
  return { code: 0, errors: '', lines }
}
