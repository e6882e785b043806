/** Parts that are shaped to get past the limits of attachments. */
import { expect, onTestFinished, test } from 'vitest'
import { image, imageIn, key, scene } from '../../testing/attachment-scene.ts'

const longest = (records: readonly unknown[]): number => Math.max(...records.map((record) => JSON.stringify(record).length))

test.each(['DATA:image/png;base64,', 'Data:image/png;BASE64,', 'data:image/png;Base64,'])(
  'an image in a data URL that begins with %s is an attachment',
  async (start) => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    const { data } = image()
    await set.claw
      .session(key)
      .send([{ type: 'image', mediaType: 'image/png', url: `${start}${data}` }])
      .result()
    expect(longest(set.held.records)).toBeLessThan(10_000)
  },
)

test('white space in the place of data is an attachment of what it has', async () => {
  const set = await scene()
  onTestFinished(() => void set.claw.kill())
  await set.claw
    .session(key)
    .send([{ type: 'image', mediaType: 'image/png', data: `${' '.repeat(100_000)}QUJD` }])
    .result()
  expect(imageIn((await set.claw.session(key).history()).messages[0]?.message)).toMatchObject({ size: 3 })
})
