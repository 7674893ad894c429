using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Kaji.ApiServer.Admission.Limits;
using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Authentication;
using Kaji.Cluster;

namespace Kaji.Commands;

/// <summary>Settings of the API server that <c>kaji server</c> takes, and <c>kaji up</c> hands on to it; named as kube-apiserver names them.</summary>
internal static class ServerFlags
{
    private static readonly Option<string?> AuditPolicyFile = new("--audit-policy-file") { Description = "audit.k8s.io/v1 Policy: which requests are audited (default: none)" };
    private static readonly Option<string?> AuditLogPath = new("--audit-log-path") { Description = "File of the audit log, or - for standard output" };
    private static readonly Option<int> AuditLogMaxSize = new("--audit-log-maxsize") { Description = "Megabytes after which an audit log is put away", DefaultValueFactory = _ => 100 };
    private static readonly Option<int> AuditLogMaxBackup = new("--audit-log-maxbackup") { Description = "Audit logs put away that are kept (0: all)" };
    private static readonly Option<int> AuditLogMaxAge = new("--audit-log-maxage") { Description = "Days that audit logs put away are kept (0: for ever)" };

    private static readonly Option<string?> OidcIssuer = new("--oidc-issuer-url") { Description = "OpenID Connect issuer whose ID tokens are believed" };
    private static readonly Option<string?> OidcClient = new("--oidc-client-id") { Description = "Audience that its tokens must have" };
    private static readonly Option<string> OidcUsernameClaim = new("--oidc-username-claim") { Description = "Claim that is the user's name", DefaultValueFactory = _ => "sub" };
    private static readonly Option<string?> OidcUsernamePrefix = new("--oidc-username-prefix") { Description = "Put before user names (default: the issuer and #; - for none)" };
    private static readonly Option<string?> OidcGroupsClaim = new("--oidc-groups-claim") { Description = "Claim that is the user's groups" };
    private static readonly Option<string> OidcGroupsPrefix = new("--oidc-groups-prefix") { Description = "Put before groups", DefaultValueFactory = _ => "" };
    private static readonly Option<string[]> OidcRequired = new("--oidc-required-claim") { Description = "CLAIM=VALUE that a token must have (may be repeated)", DefaultValueFactory = _ => [] };
    private static readonly Option<string?> OidcCa = new("--oidc-ca-file") { Description = "Roots of the issuer's certificate (default: this machine's)" };

    private static readonly Option<string?> AdvertiseAddress = new("--advertise-address") { Description = "Address under which other machines reach the API (default: where it listens; on 0.0.0.0 that of the default route)" };

    private static readonly Option<bool> NoBots = new("--no-bots") { Description = "Leave the bot layer out; `kaji operator` may run it from elsewhere" };

    private static readonly Option<string?> AdmissionFile = new("--admission-control-config-file") { Description = "AdmissionConfiguration: settings of admission steps (EventRateLimit)" };

    private static readonly Option[] Files = [AuditPolicyFile, AuditLogPath, OidcCa, AdmissionFile];

    private static readonly Option[] All =
    [
        AuditPolicyFile, AuditLogPath, AuditLogMaxSize, AuditLogMaxBackup, AuditLogMaxAge,
        OidcIssuer, OidcClient, OidcUsernameClaim, OidcUsernamePrefix, OidcGroupsClaim, OidcGroupsPrefix, OidcRequired, OidcCa,
        AdmissionFile, AdvertiseAddress, NoBots,
    ];

    public static void AddTo(Command command)
    {
        foreach (var option in All)
        {
            command.Add(option);
        }
    }

    /// <summary>The settings.</summary>
    /// <exception cref="UserError">A file can't be read, or says what can't be.</exception>
    public static ServerSettings Of(ParseResult parsed) => new() { Audit = Audit(parsed), Oidc = Oidc(parsed), EventLimits = EventLimits(parsed), Advertise = Advertise(parsed), Bots = !parsed.GetValue(NoBots) };

    /// <summary>The words that give another process, which runs elsewhere, the same settings.</summary>
    public static IReadOnlyList<string> Words(ParseResult parsed) =>
    [
        .. All.Where(o => parsed.GetResult(o) is { Implicit: false })
            .SelectMany(o => parsed.GetResult(o)!.Tokens.Count == 0 ? [o.Name] : parsed.GetResult(o)!.Tokens.SelectMany(t => new[] { o.Name, Files.Contains(o) && t.Value != "-" ? Path.GetFullPath(t.Value) : t.Value })),
    ];

    private static IPAddress? Advertise(ParseResult parsed)
    {
        if (parsed.GetValue(AdvertiseAddress) is { } text)
        {
            return IPAddress.TryParse(text, out var given) ? given : throw new UserError($"--advertise-address {text}: not an address.", ExitCodes.Usage);
        }

        var listen = ServerCommand.ParseListen(parsed.GetValue(ServerCommand.Listen)!).Address;
        if (!listen.Equals(IPAddress.Any))
        {
            return IPAddress.IsLoopback(listen) ? null : listen;
        }

        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // No packet is sent: the kernel only chooses the source.
            probe.Connect(IPAddress.Parse("192.0.2.1"), 9);
            return ((IPEndPoint)probe.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            // No default route: nobody else can be told an address.
            return null;
        }
    }

    private static IReadOnlyList<EventLimit> EventLimits(ParseResult parsed)
    {
        if (parsed.GetValue(AdmissionFile) is not { } file)
        {
            return [];
        }

        try
        {
            var directory = Path.GetDirectoryName(Path.GetFullPath(file))!;
            return EventRateLimit.Parse(File.ReadAllText(file), path => File.ReadAllText(Path.Combine(directory, path)));
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserError($"--admission-control-config-file {file}: {e.Message}", ExitCodes.Usage);
        }
    }

    private static OidcOptions? Oidc(ParseResult parsed)
    {
        var (issuer, client) = (parsed.GetValue(OidcIssuer), parsed.GetValue(OidcClient));
        if (issuer is null && client is null)
        {
            return null;
        }

        if (issuer is null || client is null)
        {
            throw new UserError("--oidc-issuer-url and --oidc-client-id go together.", ExitCodes.Usage);
        }

        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps)
        {
            throw new UserError($"--oidc-issuer-url {issuer}: expected an https URL.", ExitCodes.Usage);
        }

        var required = parsed.GetValue(OidcRequired)!.Select(r => r.Split('=', 2) is [var claim, var value] ? (claim, value) : throw new UserError($"--oidc-required-claim {r}: expected CLAIM=VALUE.", ExitCodes.Usage));
        try
        {
            return new OidcOptions(url, client)
            {
                UsernameClaim = parsed.GetValue(OidcUsernameClaim)!, UsernamePrefix = parsed.GetValue(OidcUsernamePrefix), GroupsClaim = parsed.GetValue(OidcGroupsClaim), GroupsPrefix = parsed.GetValue(OidcGroupsPrefix)!,
                RequiredClaims = required.ToDictionary(r => r.claim, r => r.value, StringComparer.Ordinal), AuthorityPem = parsed.GetValue(OidcCa) is { } file ? File.ReadAllText(file) : null,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--oidc-ca-file: {e.Message}", ExitCodes.Usage);
        }
    }

    private static AuditOptions? Audit(ParseResult parsed)
    {
        var (file, path) = (parsed.GetValue(AuditPolicyFile), parsed.GetValue(AuditLogPath));
        if (file is null && path is null)
        {
            return null;
        }

        if (file is null || path is null)
        {
            throw new UserError(file is null ? "--audit-log-path needs --audit-policy-file: which requests are audited." : "--audit-policy-file needs --audit-log-path: where they are written.", ExitCodes.Usage);
        }

        try
        {
            return new AuditOptions(AuditPolicy.Parse(File.ReadAllText(file)), path) { MaxSize = parsed.GetValue(AuditLogMaxSize), MaxBackups = parsed.GetValue(AuditLogMaxBackup), MaxAge = parsed.GetValue(AuditLogMaxAge) };
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new UserError($"--audit-policy-file {file}: {e.Message}", ExitCodes.Usage);
        }
    }
}
