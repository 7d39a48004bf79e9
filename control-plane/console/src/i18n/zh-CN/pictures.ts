import type { MoreMessages } from '../en/more'

/** Pictures that are files or addresses. */
export const pictures: Pick<MoreMessages, 'pictures'> = {
  pictures: {
    address: '{of}：地址',
    addressHint: '或填写图片地址。查看者会从该地址获取图片，其主机因此会看到查看者的网络地址。',
    wrong: '请使用以 https:// 开头的地址。',
  },
}
