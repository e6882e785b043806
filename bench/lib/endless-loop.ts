/** Code of a tool that never ends. */
export default function loop(): never {
  for (;;);
}
