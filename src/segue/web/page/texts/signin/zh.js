/** The sign-in page, in Chinese. */
export default {
  "signin.title": "登录",
  "signin.lead": "操作员页面需要密钥。只想对话的人不需要。",
  "signin.lead.next": "此页面需要密钥；登录后会立即回到这里。",
  "signin.key": "密钥",
  "signin.show": "显示密钥",
  "signin.hide": "隐藏密钥",
  "signin.enter": "登录",
  "signin.entering": "正在登录…",
  "signin.refused": "无法用这个密钥登录。",
  "signin.where": "从哪里获得密钥？",
  "signin.where.first": "服务器第一次启动时会打印一次第一个密钥：在它的输出中以 “First key” 开头的那一行。",
  "signin.where.more": "其他密钥可在“密钥”页面创建，或在服务器本机上执行：",
};
