using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Node.Streaming;

/// <summary>
/// The last word on the error stream of <c>v4.channel.k8s.io</c> and later: a meta/v1 Status in JSON. The exit code travels as a cause, which kubectl
/// turns into its own exit code.
/// </summary>
internal static class ExecStatus
{
    /// <summary>How a command that ran has ended.</summary>
    public static byte[] OfExit(int code) => code == 0
        ? Bytes(new JsonObject { ["metadata"] = new JsonObject(), ["status"] = "Success" })
        : Bytes(new JsonObject
        {
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = $"command terminated with non-zero exit code: exit status {code.ToString(CultureInfo.InvariantCulture)}",
            ["reason"] = "NonZeroExitCode",
            ["details"] = new JsonObject
            {
                ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ExitCode", ["message"] = code.ToString(CultureInfo.InvariantCulture) }),
            },
        });

    /// <summary>Why it could not run.</summary>
    public static byte[] OfFailure(string message) => Bytes(new JsonObject
    {
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = $"Internal error occurred: {message}",
        ["reason"] = "InternalError",
        ["details"] = new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["message"] = message }) },
        ["code"] = 500,
    });

    private static byte[] Bytes(JsonObject status) => Encoding.UTF8.GetBytes(status.ToJsonString());
}
