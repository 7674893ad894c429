using System.CommandLine;
using Kaji.ApiServer.Audit;
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

    private static readonly Option[] All = [AuditPolicyFile, AuditLogPath, AuditLogMaxSize, AuditLogMaxBackup, AuditLogMaxAge];

    public static void AddTo(Command command)
    {
        foreach (var option in All)
        {
            command.Add(option);
        }
    }

    /// <summary>The settings.</summary>
    /// <exception cref="UserError">A file can't be read, or says what can't be.</exception>
    public static ServerSettings Of(ParseResult parsed) => new() { Audit = Audit(parsed) };

    /// <summary>The words that give another process the same settings.</summary>
    public static IReadOnlyList<string> Words(ParseResult parsed) =>
    [
        .. All.Where(o => parsed.GetResult(o) is { Implicit: false }).SelectMany(o => new[] { o.Name, o == AuditPolicyFile || (o == AuditLogPath && parsed.GetValue(AuditLogPath) != "-") ? Path.GetFullPath(parsed.GetValue((Option<string?>)o)!) : Value(parsed, o) }),
    ];

    private static string Value(ParseResult parsed, Option option) => string.Join(' ', parsed.GetResult(option)!.Tokens.Select(t => t.Value));

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
