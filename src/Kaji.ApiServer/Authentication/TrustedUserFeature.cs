namespace Kaji.ApiServer.Authentication;

/// <summary>Set on a request by the in-process transport: who sends it is known because nothing outside the process can set a feature.</summary>
public sealed record TrustedUserFeature(UserInfo User);
