import type { MoreMessages } from '../en/more'

export const proofs: Pick<MoreMessages, 'proof' | 'locks'> = {
  proof: {
    again: '重新验证',
    asked: '由 {name} 发起',
    byPolicy: '由环境策略发起',
    different: '有 {n} 处与设计不符',
    fingerprint: '指纹',
    more: '还有 {n} 处',
    none: '尚未验证：代理会在目标旁建一个空数据库，在其中执行更改及其回退，与设计比较结果，然后删除该数据库。',
    prove: '验证',
    proveOn: '在 {server} 的临时数据库上验证更改',
    required: '该环境要求发布内容在审批前先通过验证。',
    stale: '目标上的内容已与验证时不同，此结果不再有效。',
    statement: '第 {n} 条语句失败：{why}',
    title: '验证',
    policy: '审批前验证',
    policyHint: '发布内容会先在目标旁的临时数据库上试运行。主机自身的策略须允许建立这种数据库（scratch = true）。',
    rule: { off: '仅在有人要求时', show: '自动验证，供审批者参考', required: '未通过验证不得审批' },
    ruleShort: { off: '按需', show: '自动', required: '必须' },
    state: { wanted: '等待中', running: '验证中', proven: '已验证', notProven: '未通过', untried: '无法验证', stale: '已过期' },
    wayBack: {
      untried: '未试运行回退。',
      same: '回退后一切恢复原样。',
      differs: '回退后以下内容与原来不同：{why}',
      failed: '回退失败：{why}',
    },
  },
  locks: {
    none: '不锁定正在使用的对象',
    definition: '可读可写，其他结构更改需等待',
    writes: '可读，写入需等待',
    everything: '读写都需等待',
    named: '{what}（{name}）',
    tableHas: '该表有 {n} 行',
  },
}
