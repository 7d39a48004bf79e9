export const payloads = {
  payloads: {
    title: '触发内容',
    text: '触发此次部署的请求正文。令牌与密钥从不保留。',
    cut: '内容过大，仅保留开头部分。',
    legacy: '其他系统遗留内容',
  },
}
