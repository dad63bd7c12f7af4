/** The page of the nodes, in Ukrainian. */
export default {
  "nodes.title": "Вузли",
  "nodes.lead": "Чат живе на одному вузлі. Кожен вузол приймає запити до всіх і передає чужі далі; коли якийсь зникає, нічого не переноситься.",
  "nodes.asking": "Запитую кожні 3 с",
  "nodes.lost": "Сервер не відповідає; ці дані застаріли",
  "nodes.own": "цей",
  "nodes.state.ready": "Готовий",
  "nodes.state.not ready": "Не готовий",
  "nodes.state.dead": "Не відповідає",
  "nodes.state.unknown": "Ще не запитано",
  "nodes.answer": "Відповів за",
  "nodes.checked": "Запитано",
  "nodes.never": "ще ні",
  "nodes.version": "Версія",
  "nodes.alone": "Цей сервер не знає інших вузлів. Назвіть їх у його налаштуваннях:",
  "nodes.told": "{name}: {state}.",
  "nodes.told.ready": "Усі вузли готові.",
};
