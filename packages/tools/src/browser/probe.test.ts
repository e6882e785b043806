// Whether a browser is here, before a page is opened.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { Browsers } from './browsers.ts'

const folder = mkdtempSync(join(tmpdir(), 'beamclaw-browser-probe-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is available where the path that is given is a program', async () => {
  const browsers = new Browsers({ executablePath: process.execPath })
  expect(await browsers.probe()).toEqual({ isAvailable: true, executablePath: process.execPath })
})

it.each([join(folder, 'chromium'), folder])('is not available where the path that is given is none: %s', async (executablePath) => {
  expect(await new Browsers({ executablePath }).probe()).toEqual({
    isAvailable: false,
    reason: expect.stringContaining('(option executablePath) is not a program. Give the path of Chromium.'),
  })
})
