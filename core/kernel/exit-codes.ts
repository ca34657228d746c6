/** How a program ends (sysexits.h): scripts, supervisors and the programs that call sendmail(1) go by that, and so does whoever reads their logs. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  dataError: 65,
  noUser: 67,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  ioError: 74,
  tempFail: 75,
  noPermission: 77,
  config: 78,
} as const;
