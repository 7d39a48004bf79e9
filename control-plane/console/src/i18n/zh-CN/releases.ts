import type { MoreMessages } from '../en/more'

export const releases: Pick<MoreMessages, 'signature' | 'published' | 'invalidIndex'> = {
  signature: {
    title: '签名',
    key: '密钥 {id}',
    state: { holds: '与批准时一致', missing: '未签名', broken: '已被改动', stranger: '未知密钥' },
    text: {
      missing: '该发布没有签名：它生成于发布签名启用之前，或有人在数据库中去掉了签名。它不会被执行，请重新提议或发布。',
      broken: '内容与批准时不一致：此后有人在数据库中改动了该发布。它不会被执行。请查明谁能写入数据库，并重新发布。',
      stranger: '该发布由本系统从未有过的密钥签名。它不会被执行。请查明谁能写入数据库，并重新发布。',
    },
  },
  published: {
    title: '已发布',
    caption: '生效位置',
    asDrafted: '与草稿一致',
    behind: '{n} 处更改未发布',
    changes: '草稿会在 {server} 上更改的内容',
    compare: '比较',
    compareOn: '将 {server} 上生效的内容与草稿比较',
    difference: '与草稿相比',
    draft: '草稿：修订 {n}',
    empty: '尚未发布到任何服务器',
    emptyText: '发布在服务器上执行之后，这里会显示该服务器上生效的修订。',
    noRevision: '不对应任何修订',
    noRevisionHint: '生效内容是按现状接管的，或早于所保留的修订。',
    release: '发布',
    revision: '生效修订',
    since: '起始时间',
    takenOver: '已接管',
    where: '服务器',
  },
  invalidIndex: { text: '创建中断后遗留的索引：占用空间，却不服务于任何查询。原因消除后（例如唯一索引中的重复值），可用以下语句修复：' },
}
