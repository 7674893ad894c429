using System.Globalization;

namespace Fleet;

/// <summary>A setting is missing or makes no sense.</summary>
internal sealed class SettingException(string message) : Exception(message);

/// <summary>Reads settings from the environment.</summary>
internal static class Settings
{
    public static string Text(string name, string? fallback = null) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : fallback ?? throw new SettingException($"the environment variable {name} is missing");

    public static double Number(string name, double fallback) =>
        Environment.GetEnvironmentVariable(name) is not { Length: > 0 } text ? fallback
        : double.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value
        : throw new SettingException($"{name}='{text}' is not a number");

    public static int Port(int fallback) => (int)Number("PORT", fallback);
}
