/** The page of the nodes, in Chinese. */
export default {
  "nodes.title": "节点",
  "nodes.lead": "一个聊天只在一个节点上。每个节点都接受对所有节点的请求，并转发属于其他节点的请求；某个节点消失时不会迁移任何内容。",
  "nodes.asking": "每 3 秒查询一次",
  "nodes.lost": "服务器没有应答；这些数据已过时",
  "nodes.own": "本节点",
  "nodes.state.ready": "就绪",
  "nodes.state.not ready": "未就绪",
  "nodes.state.dead": "无应答",
  "nodes.state.unknown": "尚未查询",
  "nodes.answer": "应答用时",
  "nodes.checked": "查询",
  "nodes.never": "尚未",
  "nodes.version": "版本",
  "nodes.alone": "此服务器不知道其他节点。请在其设置中写明：",
  "nodes.told": "{name}：{state}。",
  "nodes.told.ready": "所有节点均已就绪。",
};
