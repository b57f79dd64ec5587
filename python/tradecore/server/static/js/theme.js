// Runs before anything is drawn, so that a chosen theme does not flash. A plain script: modules run later.
{
  const chosen = localStorage.getItem("tradecore-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}
