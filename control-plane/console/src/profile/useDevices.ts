import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Device = Schemas['Device']

export function useDevices() {
  return useThing<Device[]>(
    () => ['devices'],
    async (signal) => (await body(server.GET('/api/v1/me/devices', { signal }))).items,
  )
}

/** A stranger's again; its sessions end. */
export async function revokeDevice(id: string): Promise<void> {
  await server.DELETE('/api/v1/me/devices/{id}', { params: { path: { id } } })
}
