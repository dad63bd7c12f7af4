/* Runs before the first paint, so that a chosen theme does not flash. A classic script on purpose. */
(() => {
  try {
    const theme = localStorage.getItem("segue.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    /* nothing may be kept here: the system's theme it is */
  }
})();
