import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Department = Schemas['Department']
export type DepartmentBody = Schemas['DepartmentBody']

export interface DepartmentNode extends Department {
  children: DepartmentNode[]
}

export function useDepartments() {
  return useThing<Department[]>(
    () => ['departments'],
    async (signal) => (await body(server.GET('/api/v1/departments', { signal }))).items,
  )
}

/** The tree, as the list is ordered. One whose parent is not there stands at the top: nothing gets lost. */
export function treeOf(departments: readonly Department[]): DepartmentNode[] {
  const nodes = new Map(departments.map((one) => [one.id, { ...one, children: [] as DepartmentNode[] }]))
  const top: DepartmentNode[] = []
  for (const node of nodes.values()) {
    const parent = node.parentId ? nodes.get(node.parentId) : undefined
    ;(parent ? parent.children : top).push(node)
  }
  return top
}

/** A department and all below it: none of these can be its parent. */
export function below(departments: readonly Department[], id: string): Set<string> {
  const found = new Set([id])
  let grown = true
  while (grown) {
    grown = false
    for (const one of departments) {
      if (one.parentId && found.has(one.parentId) && !found.has(one.id)) {
        found.add(one.id)
        grown = true
      }
    }
  }
  return found
}

/** All in one line each, deeper ones moved in, for a list to choose from. */
export function flat(nodes: readonly DepartmentNode[], depth = 0): { node: DepartmentNode; depth: number }[] {
  return nodes.flatMap((node) => [{ node, depth }, ...flat(node.children, depth + 1)])
}

export function createDepartment(input: DepartmentBody): Promise<Department> {
  return body(server.POST('/api/v1/departments', { body: input }))
}

export function updateDepartment(id: string, input: DepartmentBody): Promise<Department> {
  return body(server.PUT('/api/v1/departments/{id}', { params: { path: { id } }, body: input }))
}

export async function deleteDepartment(id: string): Promise<void> {
  await server.DELETE('/api/v1/departments/{id}', { params: { path: { id } } })
}
