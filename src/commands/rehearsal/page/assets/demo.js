// Buttons of the demo act without loading the page again: what they change arrives as a live update.
"use strict";

document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!button) return;
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  const answer = await fetch(button.formAction, {
    method: "POST",
    body: new URLSearchParams(new FormData(event.target)),
    redirect: "manual",
  })
    .catch(() => undefined);
  // After a restart of the demo the page is from another one.
  if (answer?.status === 403) location.reload();
});
