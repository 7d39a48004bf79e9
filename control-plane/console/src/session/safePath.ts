/** Where to go after signing in. Only a path of ours: `//host` and the like would leave the console. */
export function safePath(to: unknown): string {
  return typeof to === 'string' && /^\/(?![/\\])/.test(to) ? to : '/'
}
