/** The page of the nodes, in English. */
export default {
  "nodes.title": "Nodes",
  "nodes.lead": "A chat lives on one node. Every node takes requests for all of them and passes on what is another’s; nothing is moved when one is gone.",
  "nodes.asking": "Asking every 3 s",
  "nodes.lost": "No answer from the server; these figures are old",
  "nodes.own": "this one",
  "nodes.state.ready": "Ready",
  "nodes.state.not ready": "Not ready",
  "nodes.state.dead": "Dead",
  "nodes.state.unknown": "Not asked yet",
  "nodes.answer": "Answered in",
  "nodes.checked": "Asked",
  "nodes.never": "not yet",
  "nodes.version": "Version",
  "nodes.alone": "This server knows no other node. Name others in its settings:",
  "nodes.told": "{name}: {state}.",
  "nodes.told.ready": "All nodes are ready.",
};
