/** Reports in German. */
import type { ReportTexts } from "./report-texts.ts";

const andereAdresse = "Fragen Sie den Empfänger auf anderem Weg nach einer anderen Adresse.";
const schreibweise = "Prüfen Sie die Schreibweise der Adresse, und senden Sie die Nachricht noch einmal.";
const kleiner = "Senden Sie eine kleinere Nachricht, oder einen Verweis statt des Anhangs.";
const postmaster =
  "Wenn es so bleibt, fragen Sie den Empfänger auf anderem Weg, oder schreiben Sie an den unten genannten Postmaster.";

export const german: ReportTexts = {
  language: "de",
  from: "Mail-Zustellung",
  subjects: {
    failed: "Ihre Nachricht konnte nicht zugestellt werden",
    delayed: "Ihre Nachricht verspätet sich",
    succeeded: "Ihre Nachricht wurde zugestellt",
    double: "Eine Nachricht ohne Absender konnte nicht zugestellt werden",
  },
  server: "Dies ist der Mailserver {server}.",
  openings: {
    failed:
      "Die Nachricht, die Sie am {when} gesendet haben, konnte den unten genannten Empfängern nicht zugestellt werden. Es wird nicht weiter versucht.",
    delayed:
      "Die Nachricht, die Sie am {when} gesendet haben, ist den unten genannten Empfängern noch nicht zugestellt. Sie brauchen sie nicht noch einmal zu senden: dieser Server versucht es weiter.",
    succeeded:
      "Sie wollten es wissen: die Nachricht, die Sie am {when} gesendet haben, hat die unten genannten Empfänger wie beschrieben erreicht.",
    double:
      "Eine Nachricht, die am {when} ankam, konnte den unten genannten Empfängern nicht zugestellt werden. Sie hat keinen Absender, der es erfahren könnte; darum erfahren Sie es als Postmaster.",
  },
  attached: { header: "Der Kopf der Nachricht ist angehängt.", message: "Die Nachricht ist angehängt." },
  help: "Wenn Sie Hilfe brauchen, schreiben Sie an {postmaster}, und nennen Sie die Kennung {id}.",
  advice: "Was Sie tun können: {advice}",
  until: "Es wird versucht bis {until}.",
  ourWords: "Technisch gesagt: {diagnostic}",
  theirWords: "Der Server {host} sagte: {diagnostic}",
  passedOn: {
    delivered: "Sie wurde zugestellt.",
    relayed: "Sie wurde dem nächsten Server übergeben, der selbst keine Bestätigung sendet.",
    expanded: "Sie wurde an die Adressen hinter dieser weitergegeben; von dort folgt keine Bestätigung.",
  },
  reasons: {
    "1.1": { reason: "Ein Postfach mit dieser Adresse gibt es nicht.", advice: schreibweise },
    "1.2": { reason: "Den Teil der Adresse hinter dem @ gibt es nicht.", advice: schreibweise },
    "1.6": {
      reason: "Das Postfach ist umgezogen, und wohin, ist nicht bekannt.",
      advice: "Fragen Sie den Empfänger nach der neuen Adresse.",
    },
    "1.10": { reason: "Diese Domäne nimmt überhaupt keine Mail an.", advice: andereAdresse },
    "1": { reason: "Die Adresse wurde nicht angenommen.", advice: schreibweise },
    "2.1": { reason: "Das Postfach ist abgeschaltet.", advice: "Erreichen Sie den Empfänger auf anderem Weg." },
    "2.2": {
      reason: "Das Postfach ist voll.",
      advice: "Sagen Sie es dem Empfänger auf anderem Weg, und senden Sie die Nachricht später noch einmal.",
    },
    "2.3": { reason: "Die Nachricht ist größer, als das Postfach annimmt.", advice: kleiner },
    "2": { reason: "Das Postfach konnte die Nachricht nicht aufnehmen.", advice: postmaster },
    "3.4": { reason: "Die Nachricht ist größer, als der andere Server annimmt.", advice: kleiner },
    "4.1": {
      reason: "Der andere Server hat nicht geantwortet.",
      advice: "Senden Sie die Nachricht später noch einmal. Prüfen Sie auch den Teil der Adresse hinter dem @.",
    },
    "4.4": {
      reason: "Es wurde kein Server gefunden, der Mail für diese Domäne annimmt.",
      advice: "Prüfen Sie den Teil der Adresse hinter dem @, und senden Sie die Nachricht noch einmal.",
    },
    "4.6": {
      reason: "Die Nachricht ging zwischen Servern im Kreis.",
      advice: "Sie können nichts tun; der Postmaster des Empfängers muss eine Weiterleitung in Ordnung bringen.",
    },
    "4.7": {
      reason: "Die Nachricht konnte in der ganzen Zeit, in der es versucht wurde, nicht zugestellt werden.",
      advice: "Senden Sie die Nachricht noch einmal, oder erreichen Sie den Empfänger auf anderem Weg.",
    },
    "4": {
      reason: "Der andere Server war nicht zu erreichen.",
      advice: "Senden Sie die Nachricht später noch einmal.",
    },
    "6.7": {
      reason: "Der andere Server nimmt keine Adressen oder Köpfe mit anderen als ASCII-Zeichen an.",
      advice: "Benutzen Sie für den Empfänger und für sich selbst Adressen aus einfachen Buchstaben.",
    },
    "6": {
      reason: "Der andere Server nimmt einen solchen Inhalt nicht an.",
      advice: "Senden Sie ihn in einem anderen Format.",
    },
    "7.1": {
      reason: "Die andere Seite nimmt diese Nachricht von Ihnen nicht an.",
      advice: "Bitten Sie den Empfänger auf anderem Weg, Ihre Nachrichten durchzulassen.",
    },
    "7": {
      reason: "Die Nachricht wurde aus Gründen der Sicherheit oder nach den Regeln der anderen Seite abgewiesen.",
      advice: "Fragen Sie den Empfänger auf anderem Weg, was dort angenommen wird.",
    },
    other: { reason: "Die andere Seite nannte keinen Grund, den wir kennen.", advice: postmaster },
  },
};
