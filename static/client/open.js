// A place in a report, opened in the person's editor.

// The server knows the report: a page names a place in it by its number, and never a file.
async function openPlace(report, index) {
  const place = placeOf(report.diagnostics[index]);
  overlay.say(`opening ${place}`);
  try {
    const answer = await fetch(openAddress, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ report: report.id, diagnostic: index }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const { editor, detail } = await answer.json();
    overlay.say(answer.ok ? `${place} is open in ${editor}` : detail);
  } catch {
    overlay.say(`the server does not answer; ${place} is not opened`);
  }
}
