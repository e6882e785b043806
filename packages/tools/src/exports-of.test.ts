// A library in the old format, as Node gives it and as a bundle in several files does.
import { expect, test } from 'vitest'
import { exportsOf } from './exports-of.ts'

interface Library {
  readonly open: () => string
}

test('a library has its names, also where a bundle has put all of it into the default', () => {
  const library: Library = { open: () => 'opened' }
  expect(exportsOf({ ...library, default: library }, 'open').open()).toBe('opened')
  expect(exportsOf({ default: library } as unknown as Library, 'open').open()).toBe('opened')
})

test('the libraries that are loaded on demand have the names that are asked for', async () => {
  const undici = exportsOf(await import('undici'), 'Agent')
  expect([typeof undici.Agent, typeof undici.ProxyAgent, typeof undici.buildConnector, typeof undici.fetch]).toEqual(
    Array(4).fill('function'),
  )
})
