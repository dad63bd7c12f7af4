/** The page of the nodes, in Russian. */
export default {
  "nodes.title": "Узлы",
  "nodes.lead": "Чат живёт на одном узле. Каждый узел принимает запросы ко всем и передаёт чужие дальше; когда какой-то исчезает, ничего не переносится.",
  "nodes.asking": "Спрашиваю каждые 3 с",
  "nodes.lost": "Сервер не отвечает; эти данные устарели",
  "nodes.own": "этот",
  "nodes.state.ready": "Готов",
  "nodes.state.not ready": "Не готов",
  "nodes.state.dead": "Не отвечает",
  "nodes.state.unknown": "Ещё не спрошен",
  "nodes.answer": "Ответил за",
  "nodes.checked": "Спрошен",
  "nodes.never": "ещё нет",
  "nodes.version": "Версия",
  "nodes.alone": "Этот сервер не знает других узлов. Назовите их в его настройках:",
  "nodes.told": "{name}: {state}.",
  "nodes.told.ready": "Все узлы готовы.",
};
