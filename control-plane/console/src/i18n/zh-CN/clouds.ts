export const clouds = {
  clouds: {
    source: '信息来源',
    sources: { byHand: '人工填写', imported: '导入', metadata: '云厂商元数据服务（由主机上的代理读取）' },
    sourceShort: { byHand: '人工', imported: '导入', metadata: '来自云厂商' },
    differs: '与云厂商的记录不同：{list}。此处显示的是人工填写或导入的内容。',
    claimed: '有 {n} 台主机声称是该实例：{hosts}。请移除已不存在的主机；若都存在，则其中一台是被复制的，或上报有误。',
    otherHost: '该主机声称自己是实例 {name}，而该实例已对应到 {host}。',
    zone: '可用区',
    type: '规格型号',
    tags: '标签',
    instance: '云实例',
    edit: '修改 {name}',
    editText: '填写的内容会代替导入的内容或云厂商的记录显示；清空后恢复显示原内容。',
    name: '名称',
    endsHint: '按您所在时区。元数据服务不提供到期时间。',
  },
}
