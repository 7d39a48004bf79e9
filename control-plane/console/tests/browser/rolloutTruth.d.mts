export interface Deed {
  host: string
  version: string
  did: 'begin' | 'change' | 'putBack'
  at: number
}
export interface Reading {
  at: number
  state: string
  where: string
  legend: Record<string, number>
  hosts: [name: string, said: string][]
  alert: string
  notes: string
}
export interface Truth {
  decided: number
  over: number
  failures: string[]
  changed: string[]
}
export const LATE_MS: number
export function truthOf(of: { deeds: Deed[]; asked: number; order: { id: string; name: string }[]; size: number; mayFail: number; next: string }): Truth
export function counted(reading: Reading): Record<string, number>
export function judge(reading: Reading, truth: Truth): { wrong: string[]; late: number }
